"""The form in which C++ reads a traced decoder, a step and a weight to pack, as the loaded library describes it.

Importing this loads the library; it raises BackendUnavailable as `library.kernels` does. Knows neither how a program
comes about (trace.py) nor what an instruction does (src/kernels_*.cpp).
"""

from __future__ import annotations

from enum import Enum
from typing import TypeVar

from causerie.backends.native import library
from causerie.backends.native.abi import Number
from causerie.quant.weight import FORMATS

_DESCRIBED = library.description()
_CONSTANTS, _STRUCTURES = _DESCRIBED.constants, _DESCRIBED.structures

PANEL = _CONSTANTS["PANEL"]  # output rows of a matrix that lie side by side in memory
BLOCK = _CONSTANTS["BLOCK"]  # positions in a cache block
CHUNK = _CONSTANTS["CHUNK"]  # positions that attention sums up apart
EXPERT_ROOM = _CONSTANTS["EXPERT_ROOM"]  # experts of a layer that routing has room for
E4M3_TABLE = _CONSTANTS["E4M3_TABLE"]  # what `tabled` of CodePanels says of bytes of E4M3
STATE_ROOM = _CONSTANTS["STATE_ROOM"]  # numbers of a channel that the kernel of Mamba has room for
HEAD_ROOM = _CONSTANTS["HEAD_ROOM"]  # elements of a head that the attention kernels' scratch holds
STEP_WEIGHTS = _CONSTANTS["STEP_WEIGHTS"]  # of a step over a panel of bfloat16: two inputs
PACKED_STEP = _CONSTANTS["PACKED_STEP"]  # bytes of a step that is packed losslessly
PLAIN_STEP = _CONSTANTS["PLAIN_STEP"]  # and of one that is not

PART = _STRUCTURES["Part"].dtype()
INSTRUCTION = _STRUCTURES["Instruction"].dtype()
CODE_PANELS = _STRUCTURES["CodePanels"].dtype()
ROUTE = _STRUCTURES["Route"].dtype()
BUFFER = _STRUCTURES["Buffer"].dtype()
PACKED_PANEL = _STRUCTURES["PackedPanel"].dtype()
ESCAPE = _STRUCTURES["Escape"].dtype()
LAYER_CACHE = _STRUCTURES["LayerCache"].dtype()
PAGE_GROUP = _STRUCTURES["PageGroup"].dtype()
ATTENDING = _STRUCTURES["Attending"].dtype()
ROW_GROUP = _STRUCTURES["RowGroup"].dtype()
SUM = _STRUCTURES["Sum"].dtype()

Program = _STRUCTURES["Program"].ctype()  # addresses of the arrays above and their lengths
STORED_PIECE = _STRUCTURES["StoredPiece"].dtype()
STORED_MATRIX = _STRUCTURES["StoredMatrix"].dtype()
STORED_EXPERT = _STRUCTURES["StoredExpert"].dtype()

TableArguments = _STRUCTURES["BlockTables"].ctype()  # backends/step.py's BlockTables as addresses and lengths
StepArguments = _STRUCTURES["Step"].ctype()  # backends/step.py's Step as addresses and lengths
StoreArguments = _STRUCTURES["StoreArguments"].ctype()  # experts that stay in their file, and memory for some
Packing = _STRUCTURES["Packing"].ctype()  # a slice of rows on its way into the arena
RECORD_ARRAYS = _CONSTANTS["RECORD_ARRAYS"]  # arrays that a record may have fields of
RECORD_FIELD = _STRUCTURES["RecordField"].dtype()
RECORD_ROWS = _STRUCTURES["RecordRows"].dtype()  # matrices that lie in files as rows of records
Quantizing = _STRUCTURES["Quantizing"].ctype()  # rows on their way into codes
CodeBits = _STRUCTURES["CodeBits"].ctype()  # quant/code_bits.py's

_NAMES = {kind: {each: name for name, each in all.items()} for kind, all in _DESCRIBED.enumerations.items()}

Member = TypeVar("Member", bound=Enum)


def number(member: Enum) -> int:
    """Of an enumeration's member, in C++."""
    return _DESCRIBED.enumerations[type(member).__name__][member.name]


def member(enumeration: type[Member], value: int) -> Member:
    """The member that has this number in C++. Raises KeyError where none has."""
    return enumeration[_NAMES[enumeration.__name__][value]]


def format_number(format: str) -> int:
    """Of a weight format of quant/formats.py or quant/weight.py, in C++."""
    return number(Number[format.upper()] if format in FORMATS else Number.CODES)
