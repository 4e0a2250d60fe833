"""Tries what README.md calls wrong in a server: `known_faults.py ministack|moto URL`. Prints JSON: each fault, and whether it is there."""

import base64
import json
import sys
import time
import urllib.error
import urllib.request
import zlib

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

server, url = sys.argv[1:]


def client(service):
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
    )


s3 = client("s3")
kinesis = client("kinesis")
s3.create_bucket(Bucket="faults")


def active_stream(name):
    kinesis.create_stream(StreamName=name, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
    return kinesis.list_shards(StreamName=name)["Shards"][0]["ShardId"]


def split_parent_is_empty():
    parent = active_stream("split")
    kinesis.put_record(StreamName="split", PartitionKey="k", Data=b"before the split")
    kinesis.split_shard(StreamName="split", ShardToSplit=parent, NewStartingHashKey=str(2**127))
    kinesis.get_waiter("stream_exists").wait(StreamName="split", WaiterConfig={"Delay": 1})
    try:
        position = {"StreamName": "split", "ShardId": parent, "ShardIteratorType": "TRIM_HORIZON"}
        iterator = kinesis.get_shard_iterator(**position)["ShardIterator"]
        return kinesis.get_records(ShardIterator=iterator)["Records"] == []
    except ClientError:
        return True


def split_parent_never_ends():
    parent = active_stream("endless")
    kinesis.split_shard(StreamName="endless", ShardToSplit=parent, NewStartingHashKey=str(2**127))
    kinesis.get_waiter("stream_exists").wait(StreamName="endless", WaiterConfig={"Delay": 1})
    placed = kinesis.put_record(StreamName="endless", PartitionKey="k", Data=b"after the split")["ShardId"]
    position = {"StreamName": "endless", "ShardId": parent, "ShardIteratorType": "TRIM_HORIZON"}
    iterator = kinesis.get_shard_iterator(**position)["ShardIterator"]
    for _ in range(5):
        if iterator is None:
            return False
        iterator = kinesis.get_records(ShardIterator=iterator).get("NextShardIterator")
    return placed == parent


def whole_object_crc32_is_refused():
    parts = [b"a" * 5 * 1024**2, b"b"]
    upload = {"Bucket": "faults", "Key": "crc32"}
    kind = {"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"}
    upload["UploadId"] = s3.create_multipart_upload(**upload, **kind)["UploadId"]
    done = []
    for number, body in enumerate(parts, 1):
        reply = s3.upload_part(**upload, PartNumber=number, Body=body, ChecksumAlgorithm="CRC32")
        done.append({"PartNumber": number, "ETag": reply["ETag"], "ChecksumCRC32": reply["ChecksumCRC32"]})
    whole = base64.b64encode(zlib.crc32(b"".join(parts)).to_bytes(4, "big")).decode()
    try:
        s3.complete_multipart_upload(
            **upload, MultipartUpload={"Parts": done}, ChecksumCRC32=whole, ChecksumType="FULL_OBJECT"
        )
        return False
    except ClientError:
        return True


def listed_parts(numbers, **more):
    upload = {"Bucket": "faults", "Key": "parts"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    for number in numbers:
        s3.upload_part(**upload, PartNumber=number, Body=b"x")
    return upload, s3.list_parts(**upload, **more)


def last_page_has_a_marker_that_begins_again():
    upload, page = listed_parts([1, 2, 3])
    if page["IsTruncated"] or not page.get("NextPartNumberMarker"):
        return False
    after = s3.list_parts(**upload, PartNumberMarker=page["NextPartNumberMarker"])
    return after.get("NextPartNumberMarker") == 0


def marker_is_an_index():
    upload, page = listed_parts([1, 3, 4, 5], MaxParts=2)
    after = s3.list_parts(**upload, PartNumberMarker=page["NextPartNumberMarker"])
    return [part["PartNumber"] for part in after.get("Parts", [])] != [4, 5]


def wrong_checksum_is_accepted():
    wrong = base64.b64encode(bytes(32)).decode()
    try:
        s3.put_object(Bucket="faults", Key="wrong", Body=b"x", ChecksumSHA256=wrong)
        return True
    except ClientError:
        return False


def cbor_is_answered_with_500():
    # {"ShardIterator": "x"}
    body = b"\xa1\x6dShardIterator\x61x"
    headers = {
        "content-type": "application/x-amz-cbor-1.1",
        "x-amz-target": "Kinesis_20131202.GetRecords",
        "authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=0",
    }
    try:
        urllib.request.urlopen(urllib.request.Request(url, data=body, headers=headers)).close()
        return False
    except urllib.error.HTTPError as error:
        return error.code == 500


def fan_out(name):
    shard = active_stream(name)
    kinesis.put_record(StreamName=name, PartitionKey="k", Data=b"before")
    arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]["ConsumerARN"]
    for _ in range(50):
        if kinesis.describe_stream_consumer(ConsumerARN=consumer)["ConsumerDescription"]["ConsumerStatus"] == "ACTIVE":
            break
        time.sleep(0.1)
    return kinesis.subscribe_to_shard(ConsumerARN=consumer, ShardId=shard, StartingPosition={"Type": "TRIM_HORIZON"})


def fan_out_fails():
    try:
        fan_out("fan-out")
        return False
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"] == 500


FAULTS = {
    "ministack": [split_parent_is_empty, whole_object_crc32_is_refused],
    "moto": [
        last_page_has_a_marker_that_begins_again,
        marker_is_an_index,
        wrong_checksum_is_accepted,
        cbor_is_answered_with_500,
        split_parent_never_ends,
        fan_out_fails,
    ],
}

json.dump({fault.__name__: fault() for fault in FAULTS[server]}, sys.stdout)
