"""The same model pairs with the same planted faults before this project and before what people use instead."""
