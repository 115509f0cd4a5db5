"""Operations on the bin."""

from openvoucher.features.trash_bin import service
from openvoucher.features.trash_bin.schemas import BinList, BinQuery
from openvoucher.platform.http.operations import Operation

OPERATIONS = [
    Operation(
        method="GET",
        path="/v1/trash-bin",
        run=service.list_bin_entries,
        summary="List what lies in the bin",
        query=BinQuery,
        answer=BinList,
    ),
    Operation(
        method="DELETE",
        path="/v1/trash-bin/{bin_entry_id}",
        run=service.delete_bin_entry,
        summary="Remove a resource from the bin for good",
        status=204,
    ),
]
