"""A judged run as a folder to release: exactly its variant, with the verdict that it rests on; and the check of such a
folder, later and elsewhere."""
