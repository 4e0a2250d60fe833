"""Compares what is in S3 and DynamoDB with what should be there, by boto3 alone: no code of this repository reads the bytes.

Reads JSON from stdin and prints a JSON list of differences, in sentences.
"""

import hashlib
import json
import sys

import boto3
from botocore.config import Config

wanted = json.load(sys.stdin)
settings = {
    "endpoint_url": wanted["endpoint"],
    "region_name": "us-east-1",
    "aws_access_key_id": wanted["credentials"]["accessKeyId"],
    "aws_secret_access_key": wanted["credentials"]["secretAccessKey"],
}
s3 = boto3.client("s3", config=Config(s3={"addressing_style": "path"}), **settings)
dynamodb = boto3.client("dynamodb", **settings)


def stored(bucket):
    """The SHA-256 of every object, by its key."""
    found = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            digest = hashlib.sha256()
            for chunk in s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].iter_chunks(1024 * 1024):
                digest.update(chunk)
            found[entry["Key"]] = digest.hexdigest()
    return found


def differing_objects(bucket, expected):
    found = stored(bucket)
    for key in sorted(expected.keys() - found.keys()):
        yield f"{bucket} has no object {key}"
    for key in sorted(found.keys() - expected.keys()):
        yield f"{bucket} has an object that nobody expects: {key}"
    for key in sorted(expected.keys() & found.keys()):
        # None: what the bytes are is checked elsewhere.
        if expected[key] not in (None, found[key]):
            yield f"{bucket} has other bytes under {key}: SHA-256 {found[key]}, not {expected[key]}"


def differing_records(table, expected):
    found = {}
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        for item in page["Items"]:
            # Owners with a # are not users: their items are idempotency keys and the like.
            if "#" not in item["owner"]["S"]:
                found[item["uploadId"]["S"]] = item
    for upload in sorted(expected.keys() | found.keys()):
        item = found.get(upload)
        status = item["status"]["S"] if item else "missing"
        due = expected.get(upload, "missing")
        if status != due:
            yield f"{table} has upload {upload} as {status}, not as {due}"
        if item and "outboxPartition" in item:
            yield f"{table} has upload {upload} in its outbox still"


differences = [line for bucket, keys in wanted["buckets"].items() for line in differing_objects(bucket, keys)]
differences += differing_records(wanted["table"], wanted["statuses"])
json.dump(differences, sys.stdout)
