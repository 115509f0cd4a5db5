"""Operations on customers."""

from openvoucher.features.async_actions.schemas import AcceptedAction
from openvoucher.features.customers import (
    activity,
    bulk,
    imports,
    listing,
    permanent_deletion,
    redeemables,
    service,
)
from openvoucher.features.customers.activity_schemas import (
    ActivitiesList,
    ActivitiesQuery,
    ActivityList,
    ActivityQuery,
)
from openvoucher.features.customers.bulk_schemas import BulkCustomer, SharedCustomerMetadata
from openvoucher.features.customers.redeemable_schemas import CustomerRedeemableList, RedeemableQuery
from openvoucher.features.customers.schemas import (
    ConsentList,
    Customer,
    CustomerBody,
    CustomerList,
    CustomerQuery,
    CustomerSegmentList,
    PermanentDeletion,
)
from openvoucher.features.record_imports.schemas import RecordImportQuery
from openvoucher.platform.http.operations import Operation

OPERATIONS = [
    Operation(
        method="GET",
        path="/v1/customers",
        run=listing.list_customers,
        summary="List customers",
        query=CustomerQuery,
        answer=CustomerList,
    ),
    Operation(
        method="POST",
        path="/v1/customers",
        run=service.create_customer,
        summary="Create a customer, or change the one with this id or source id",
        body=CustomerBody,
        answer=Customer,
    ),
    Operation(
        method="GET",
        path="/v1/customers/{customer_id}",
        run=service.get_customer,
        summary="Get a customer by id or source id",
        answer=Customer,
    ),
    Operation(
        method="PUT",
        path="/v1/customers/{customer_id}",
        run=service.update_customer,
        summary="Change a customer",
        body=CustomerBody,
        answer=Customer,
    ),
    Operation(
        method="DELETE",
        path="/v1/customers/{customer_id}",
        run=service.delete_customer,
        summary="Delete a customer; what refers to it stays",
        status=204,
    ),
    Operation(
        method="POST",
        path="/v1/customers/{customer_id}/permanent-deletion",
        run=permanent_deletion.delete_customer_permanently,
        summary="Delete a customer for good, with all that refers to it",
        answer=PermanentDeletion,
    ),
    Operation(
        method="GET",
        path="/v1/customers/{customer_id}/segments",
        run=service.list_customer_segments,
        summary="List the segments that a customer is in",
        answer=CustomerSegmentList,
    ),
    Operation(
        method="GET",
        path="/v1/customers/{customer_id}/activity",
        run=activity.list_customer_activity,
        summary="List what a customer did and what happened to it",
        query=ActivityQuery,
        answer=ActivityList,
    ),
    Operation(
        method="GET",
        path="/v1/customers/{customer_id}/activities",
        run=activity.list_customer_activities,
        summary="List what a customer did and what happened to it (deprecated)",
        query=ActivitiesQuery,
        answer=ActivitiesList,
    ),
    Operation(
        method="GET",
        path="/v1/customers/{customer_id}/redeemables",
        run=redeemables.list_customer_redeemables,
        summary="List the vouchers that a customer holds",
        query=RedeemableQuery,
        answer=CustomerRedeemableList,
    ),
    Operation(
        method="POST",
        path="/v1/customers/importCSV",
        run=imports.import_customers_csv,
        query=RecordImportQuery,
        summary="Import customers from a CSV file",
        upload=True,
        status=202,
        answer=AcceptedAction,
    ),
    Operation(
        method="POST",
        path="/v1/customers/bulk/async",
        run=bulk.update_customers_in_bulk,
        summary="Make or change many customers",
        body=list[BulkCustomer],
        large_body=True,
        status=202,
        answer=AcceptedAction,
    ),
    Operation(
        method="POST",
        path="/v1/customers/metadata/async",
        run=bulk.update_customers_metadata_in_bulk,
        summary="Give many customers the same metadata",
        body=SharedCustomerMetadata,
        large_body=True,
        status=202,
        answer=AcceptedAction,
    ),
    Operation(
        method="GET",
        path="/v1/consents",
        run=service.list_consents,
        summary="List consents: there are none any more",
        answer=ConsentList,
    ),
    Operation(
        method="PUT",
        path="/v1/customers/{customer_id}/consents",
        run=service.update_customer_consents,
        summary="Take in consents of a customer without keeping them",
        status=204,
    ),
]
