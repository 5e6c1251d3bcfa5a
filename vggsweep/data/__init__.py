"""The data room: from files on a disk to batches on a device.

    settings.py   what a configuration says about the data and its augmentation
    catalog.py    facts known before anything is read, and the checks that need only them
    images.py     a split in memory, or a promise to decode it
    download.py   a file from the internet, once, verified, under a lock
    scan.py       directories of pictures, each read once
    splits.py     which of them are splits and which are classes
    listing.py    the pictures of a split: names, labels, sizes, and what is left out
    depth.py      pictures of more than 8 bits: which value is white
    decode.py     one picture file to a square of bytes
    idx.py cifar.py svhn.py mini.py folder.py    one raw format each
    sources.py    data of which nothing is known before they are opened; each of these opens one kind:
    custom.py arrays.py huggingface.py torchvision_source.py
    contents.py   what of a source stays in its files
    torchvision_sets.py torchvision_class.py torchvision_private.py
                  which sets there are; one of them, checked and downloaded; what of some is private
    reading.py    from settings to a split; keeps the last few in memory
    order.py      seeded orders that no library version changes
    split.py      the fixed stratified validation part, and `dataset.limit`
    preprocess.py uint8 pixels to normalised floats at the network's resolution
    augment.py    flips, crops and erasing for whole batches on the device
    batches.py    what a batch source is, and what both kinds share
    resident.py streaming.py                     all images on the device, or worker processes
    loading.py    `load_data`, the entry point of the room

`settings`, `catalog`, `split` and the readers never import torch, before a set of torchvision, a table or a
user's function is opened.
"""
