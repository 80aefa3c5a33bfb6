"""Every screen of the product: its name, its address in the house of `tests/scene.py`, and who looks at it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Screen:
    """A screen; `{names}` in its address are keys of `scene.keys_of`, `status` what it is answered with."""

    name: str
    path: str
    who: str | None = "administrator"
    status: int = 200

    def address(self, keys: dict[str, int]) -> str:
        """Return the address over the records `keys`."""
        return self.path.format(**keys)


SCREENS = (
    Screen("sign-in", "/login", None),
    Screen("dashboard", "/admin/"),
    Screen("dashboard of a viewer", "/admin/", "viewer"),
    Screen("products", "/admin/product/"),
    Screen("products filtered", "/admin/product/?status=draft&price_max=100&sort=price"),
    Screen("products not found", "/admin/product/?q=zeppelin&status=draft"),
    Screen("products in the trash", "/admin/product/?trash=1"),
    Screen("product", "/admin/product/edit/?id={product}"),
    Screen("product of a viewer", "/admin/product/details/?id={product}", "viewer"),
    Screen("new product", "/admin/product/new/"),
    Screen("product compared", "/admin/product/compare/?id={product}"),
    Screen("categories", "/admin/category/"),
    Screen("categories opened", "/admin/category/?expanded={top}"),
    Screen("categories found", "/admin/category/?find=pan"),
    Screen("category to move", "/admin/category/move/?id={category}"),
    Screen("category to empty", "/admin/category/rehome/?id={top}"),
    Screen("categories as a list", "/admin/category/?sort=name"),
    Screen("category", "/admin/category/edit/?id={category}"),
    Screen("brands", "/admin/brand/"),
    Screen("brand", "/admin/brand/edit/?id={brand}"),
    Screen("tags", "/admin/tag/"),
    Screen("users", "/admin/user/"),
    Screen("user", "/admin/user/edit/?id={user}"),
    Screen("user in detail", "/admin/user/details/?id={user}"),
    Screen("new user", "/admin/user/new/"),
    Screen("roles", "/admin/role/"),
    Screen("role", "/admin/role/edit/?id={role}"),
    Screen("role with limits", "/admin/role/edit/?id={limited}"),
    Screen("new role", "/admin/role/new/"),
    Screen("new role from a preset", "/admin/role/new/?start=preset:editor"),
    Screen("house", "/admin/house/edit/?id=1"),
    Screen("history", "/admin/history/"),
    Screen("change set", "/admin/history/details/?id={change_set}"),
    Screen("history of a product", "/admin/product/details/?id={product}"),
    Screen("profile", "/profile"),
    Screen("refused", "/admin/user/", "viewer", status=403),
    Screen("not found", "/admin/nothing", status=404),
    Screen("nothing for nobody", "/nothing", None, status=404),
)
