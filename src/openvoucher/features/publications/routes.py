"""Operations on publications."""

from openvoucher.features.publications import service
from openvoucher.features.publications.schemas import (
    ClientPublishQuery,
    JoinOnceQuery,
    Publication,
    PublicationCreate,
    PublicationCreateQuery,
    PublicationList,
    PublicationQuery,
)
from openvoucher.platform.http.operations import Operation

OPERATIONS = [
    Operation(
        method="POST",
        path="/v1/publications",
        run=service.create_publication,
        summary="Publish a voucher, or codes of a campaign, to a customer",
        query=JoinOnceQuery,
        body=PublicationCreate,
        answer=Publication,
    ),
    Operation(
        method="GET",
        path="/v1/publications",
        run=service.list_publications,
        summary="List publications",
        query=PublicationQuery,
        answer=PublicationList,
    ),
    Operation(
        method="GET",
        path="/v1/publications/create",
        run=service.create_publication_by_query,
        summary="Publish a voucher, or a code of a campaign, by following a link",
        query=PublicationCreateQuery,
        has_effects=True,
        answer=Publication,
    ),
    Operation(
        method="POST",
        path="/client/v1/publish",
        run=service.publish_for_client,
        summary="Publish a voucher, or a code of a campaign, to the customer of a web page",
        access="client",
        client_feature="publish",
        query=ClientPublishQuery,
        body=PublicationCreate,
        answer=Publication,
    ),
]
