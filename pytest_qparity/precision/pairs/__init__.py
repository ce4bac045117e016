"""Two models side by side: what stands for what, where the variant rounds, and graphs that are cut from them."""
