"""The processes behind the front: how they are started, what they say to each other, how well they are."""
