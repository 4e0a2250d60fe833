"""Uploads by tuspy as it comes: some of it, then the rest by another uploader, as after a crash of the client."""

import io
import os
import sys

from tusclient import client

with open(sys.argv[1], "rb") as file:
    data = file.read()

tus = client.TusClient(os.environ["ENDPOINT"], headers={"Authorization": os.environ["AUTHORIZATION"]})
metadata = {"filename": "größe.bin", "filetype": "application/x-test"}
MIB = 1024 * 1024

first = tus.uploader(
    file_stream=io.BytesIO(data), chunk_size=5 * MIB, metadata=metadata, upload_checksum=True
)
first.upload_chunk()
second = tus.uploader(
    file_stream=io.BytesIO(data), chunk_size=4 * MIB, url=first.url, upload_checksum=True
)
print(second.offset)
second.upload()
print(first.url)
