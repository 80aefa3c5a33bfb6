"""What all pages share: who asks, in which language, under which headers, and what a refusal looks like."""
