"""The live table: what to show (model), how it looks (draw), where it goes (screen), and the loop over them."""
