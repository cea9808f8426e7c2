from runwell.v1 import event_pb2 as _event_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Codec(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CODEC_UNSPECIFIED: _ClassVar[Codec]
    CODEC_NONE: _ClassVar[Codec]
    CODEC_ZLIB: _ClassVar[Codec]

class RefusalReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REFUSAL_REASON_UNSPECIFIED: _ClassVar[RefusalReason]
    REFUSAL_REASON_INVALID: _ClassVar[RefusalReason]
    REFUSAL_REASON_WRITER_FORKED: _ClassVar[RefusalReason]
    REFUSAL_REASON_NOT_OPEN: _ClassVar[RefusalReason]
    REFUSAL_REASON_NO_SPACE: _ClassVar[RefusalReason]
    REFUSAL_REASON_UNAVAILABLE: _ClassVar[RefusalReason]

class BlobOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BLOB_OUTCOME_UNSPECIFIED: _ClassVar[BlobOutcome]
    BLOB_OUTCOME_STORED: _ClassVar[BlobOutcome]
    BLOB_OUTCOME_CORRUPT: _ClassVar[BlobOutcome]
    BLOB_OUTCOME_OUT_OF_PLACE: _ClassVar[BlobOutcome]
    BLOB_OUTCOME_NO_SPACE: _ClassVar[BlobOutcome]
    BLOB_OUTCOME_UNAVAILABLE: _ClassVar[BlobOutcome]
    BLOB_OUTCOME_INVALID: _ClassVar[BlobOutcome]
CODEC_UNSPECIFIED: Codec
CODEC_NONE: Codec
CODEC_ZLIB: Codec
REFUSAL_REASON_UNSPECIFIED: RefusalReason
REFUSAL_REASON_INVALID: RefusalReason
REFUSAL_REASON_WRITER_FORKED: RefusalReason
REFUSAL_REASON_NOT_OPEN: RefusalReason
REFUSAL_REASON_NO_SPACE: RefusalReason
REFUSAL_REASON_UNAVAILABLE: RefusalReason
BLOB_OUTCOME_UNSPECIFIED: BlobOutcome
BLOB_OUTCOME_STORED: BlobOutcome
BLOB_OUTCOME_CORRUPT: BlobOutcome
BLOB_OUTCOME_OUT_OF_PLACE: BlobOutcome
BLOB_OUTCOME_NO_SPACE: BlobOutcome
BLOB_OUTCOME_UNAVAILABLE: BlobOutcome
BLOB_OUTCOME_INVALID: BlobOutcome

class PublishRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[Request]
    def __init__(self, requests: _Optional[_Iterable[_Union[Request, _Mapping]]] = ...) -> None: ...

class PublishResponse(_message.Message):
    __slots__ = ("responses",)
    RESPONSES_FIELD_NUMBER: _ClassVar[int]
    responses: _containers.RepeatedCompositeFieldContainer[Response]
    def __init__(self, responses: _Optional[_Iterable[_Union[Response, _Mapping]]] = ...) -> None: ...

class Request(_message.Message):
    __slots__ = ("open", "batch", "heartbeat", "end")
    OPEN_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    open: Open
    batch: Batch
    heartbeat: Heartbeat
    end: End
    def __init__(self, open: _Optional[_Union[Open, _Mapping]] = ..., batch: _Optional[_Union[Batch, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., end: _Optional[_Union[End, _Mapping]] = ...) -> None: ...

class Response(_message.Message):
    __slots__ = ("welcome", "ack", "rewind", "fenced", "refused", "ended")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    REWIND_FIELD_NUMBER: _ClassVar[int]
    FENCED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    ack: Ack
    rewind: Rewind
    fenced: Fenced
    refused: Refused
    ended: Ended
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., ack: _Optional[_Union[Ack, _Mapping]] = ..., rewind: _Optional[_Union[Rewind, _Mapping]] = ..., fenced: _Optional[_Union[Fenced, _Mapping]] = ..., refused: _Optional[_Union[Refused, _Mapping]] = ..., ended: _Optional[_Union[Ended, _Mapping]] = ...) -> None: ...

class Open(_message.Message):
    __slots__ = ("writer_id", "run", "client_version")
    WRITER_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    CLIENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    writer_id: bytes
    run: _event_pb2.RunKey
    client_version: str
    def __init__(self, writer_id: _Optional[bytes] = ..., run: _Optional[_Union[_event_pb2.RunKey, _Mapping]] = ..., client_version: _Optional[str] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("writer_id", "durable", "chain", "epoch", "log_id")
    WRITER_ID_FIELD_NUMBER: _ClassVar[int]
    DURABLE_FIELD_NUMBER: _ClassVar[int]
    CHAIN_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    LOG_ID_FIELD_NUMBER: _ClassVar[int]
    writer_id: bytes
    durable: int
    chain: int
    epoch: int
    log_id: str
    def __init__(self, writer_id: _Optional[bytes] = ..., durable: _Optional[int] = ..., chain: _Optional[int] = ..., epoch: _Optional[int] = ..., log_id: _Optional[str] = ...) -> None: ...

class Batch(_message.Message):
    __slots__ = ("writer_id", "first", "count", "chain_before", "chain", "codec", "events")
    WRITER_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    CHAIN_BEFORE_FIELD_NUMBER: _ClassVar[int]
    CHAIN_FIELD_NUMBER: _ClassVar[int]
    CODEC_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    writer_id: bytes
    first: int
    count: int
    chain_before: int
    chain: int
    codec: Codec
    events: bytes
    def __init__(self, writer_id: _Optional[bytes] = ..., first: _Optional[int] = ..., count: _Optional[int] = ..., chain_before: _Optional[int] = ..., chain: _Optional[int] = ..., codec: _Optional[_Union[Codec, str]] = ..., events: _Optional[bytes] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class End(_message.Message):
    __slots__ = ("writer_id", "last")
    WRITER_ID_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    writer_id: bytes
    last: int
    def __init__(self, writer_id: _Optional[bytes] = ..., last: _Optional[int] = ...) -> None: ...

class Ended(_message.Message):
    __slots__ = ("writer_id",)
    WRITER_ID_FIELD_NUMBER: _ClassVar[int]
    writer_id: bytes
    def __init__(self, writer_id: _Optional[bytes] = ...) -> None: ...

class Ack(_message.Message):
    __slots__ = ("writer_id", "durable")
    WRITER_ID_FIELD_NUMBER: _ClassVar[int]
    DURABLE_FIELD_NUMBER: _ClassVar[int]
    writer_id: bytes
    durable: int
    def __init__(self, writer_id: _Optional[bytes] = ..., durable: _Optional[int] = ...) -> None: ...

class Rewind(_message.Message):
    __slots__ = ("writer_id", "durable", "chain")
    WRITER_ID_FIELD_NUMBER: _ClassVar[int]
    DURABLE_FIELD_NUMBER: _ClassVar[int]
    CHAIN_FIELD_NUMBER: _ClassVar[int]
    writer_id: bytes
    durable: int
    chain: int
    def __init__(self, writer_id: _Optional[bytes] = ..., durable: _Optional[int] = ..., chain: _Optional[int] = ...) -> None: ...

class Fenced(_message.Message):
    __slots__ = ("writer_id",)
    WRITER_ID_FIELD_NUMBER: _ClassVar[int]
    writer_id: bytes
    def __init__(self, writer_id: _Optional[bytes] = ...) -> None: ...

class Refused(_message.Message):
    __slots__ = ("writer_id", "first", "reason", "message", "final", "retry_after_s")
    WRITER_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_S_FIELD_NUMBER: _ClassVar[int]
    writer_id: bytes
    first: int
    reason: RefusalReason
    message: str
    final: bool
    retry_after_s: float
    def __init__(self, writer_id: _Optional[bytes] = ..., first: _Optional[int] = ..., reason: _Optional[_Union[RefusalReason, str]] = ..., message: _Optional[str] = ..., final: bool = ..., retry_after_s: _Optional[float] = ...) -> None: ...

class Blob(_message.Message):
    __slots__ = ("sha256", "bytes")
    SHA256_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    sha256: bytes
    bytes: int
    def __init__(self, sha256: _Optional[bytes] = ..., bytes: _Optional[int] = ...) -> None: ...

class FindBlobsRequest(_message.Message):
    __slots__ = ("blobs",)
    BLOBS_FIELD_NUMBER: _ClassVar[int]
    blobs: _containers.RepeatedCompositeFieldContainer[Blob]
    def __init__(self, blobs: _Optional[_Iterable[_Union[Blob, _Mapping]]] = ...) -> None: ...

class FindBlobsResponse(_message.Message):
    __slots__ = ("log_id", "missing")
    LOG_ID_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    log_id: str
    missing: _containers.RepeatedCompositeFieldContainer[MissingBlob]
    def __init__(self, log_id: _Optional[str] = ..., missing: _Optional[_Iterable[_Union[MissingBlob, _Mapping]]] = ...) -> None: ...

class MissingBlob(_message.Message):
    __slots__ = ("index", "offset")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    index: int
    offset: int
    def __init__(self, index: _Optional[int] = ..., offset: _Optional[int] = ...) -> None: ...

class StoreBlobsRequest(_message.Message):
    __slots__ = ("parts",)
    PARTS_FIELD_NUMBER: _ClassVar[int]
    parts: _containers.RepeatedCompositeFieldContainer[BlobPart]
    def __init__(self, parts: _Optional[_Iterable[_Union[BlobPart, _Mapping]]] = ...) -> None: ...

class BlobPart(_message.Message):
    __slots__ = ("blob", "offset", "data")
    BLOB_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    blob: Blob
    offset: int
    data: bytes
    def __init__(self, blob: _Optional[_Union[Blob, _Mapping]] = ..., offset: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...

class StoreBlobsResponse(_message.Message):
    __slots__ = ("answers",)
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    answers: _containers.RepeatedCompositeFieldContainer[BlobAnswer]
    def __init__(self, answers: _Optional[_Iterable[_Union[BlobAnswer, _Mapping]]] = ...) -> None: ...

class BlobAnswer(_message.Message):
    __slots__ = ("sha256", "outcome", "message", "retry_after_s")
    SHA256_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_S_FIELD_NUMBER: _ClassVar[int]
    sha256: bytes
    outcome: BlobOutcome
    message: str
    retry_after_s: float
    def __init__(self, sha256: _Optional[bytes] = ..., outcome: _Optional[_Union[BlobOutcome, str]] = ..., message: _Optional[str] = ..., retry_after_s: _Optional[float] = ...) -> None: ...
