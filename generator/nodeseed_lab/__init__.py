"""nodeseed's lab: a cluster's machines as containers that boot their very user-data.

Rooms, in the order in which they import one another, from the first:

- `errors` and `engine`: how the lab says no, and the Docker that it runs on.
- `cache` and `programs`: what is built from Go modules and kept, named by what went into it.
- `rootfs`, `component_images` and `image`: the image that machines boot, baked by Packer.
"""
