"""A server that speaks S3 over HTTP: moto's, which checks signatures and rights as AWS does.

It proves that our requests are S3's in address, method, signature and meaning. It is no storage:
how a real service behaves under load or when it is cut off, it does not show.
"""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import boto3
import orjson
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from services.intake.shell.blobs.s3_blobs import Bucket

NAME: Final = "attachments"
REGION: Final = "eu-central-1"
POLICY: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"],
            "Resource": ["arn:aws:s3:::attachments", "arn:aws:s3:::attachments/desk/*"],
        }
    ],
}


@contextmanager
def serving() -> Iterator[Bucket]:
    """A bucket, and a key that may do below `desk` what the README says that it needs."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    try:
        _tell(endpoint, "reset-auth", b"inf")  # what an earlier server left in this process
        _tell(endpoint, "reset")
        key = _furnished(endpoint)
        _tell(endpoint, "reset-auth", b"0")  # from the first request on
        yield Bucket(
            url=f"s3://{NAME}/desk",
            region=REGION,
            endpoint=endpoint,
            key_id=SecretStr(key["AccessKeyId"]),
            secret=SecretStr(key["SecretAccessKey"]),
        )
    finally:
        server.stop()


def _furnished(endpoint: str) -> dict[str, Any]:
    """The bucket, and a user's key; this is before rights are checked."""
    access = {
        "endpoint_url": endpoint,
        "region_name": REGION,
        "aws_access_key_id": "anybody",
        "aws_secret_access_key": "anything",
    }
    placed = {"LocationConstraint": REGION}
    boto3.client("s3", **access).create_bucket(Bucket=NAME, CreateBucketConfiguration=placed)
    iam = boto3.client("iam", **access)
    iam.create_user(UserName="intake")
    document = orjson.dumps(POLICY).decode()
    iam.put_user_policy(UserName="intake", PolicyName="files", PolicyDocument=document)
    key: dict[str, Any] = iam.create_access_key(UserName="intake")["AccessKey"]
    return key


def _tell(endpoint: str, what: str, body: bytes = b"") -> None:
    asked = urllib.request.Request(
        f"{endpoint}/moto-api/{what}", data=body, headers={"Content-Type": "text/plain"}
    )
    with urllib.request.urlopen(asked, timeout=10) as answer:
        assert answer.status == 200
