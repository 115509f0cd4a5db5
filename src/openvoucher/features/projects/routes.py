"""Operations on projects. A management key knows one project: its own."""

from openvoucher.features.projects import management
from openvoucher.features.projects.schemas import ManagedProject, ManagedProjectList, UpdateProjectBody
from openvoucher.platform.http.operations import Operation

OPERATIONS = [
    Operation(
        method="GET",
        path="/management/v1/projects",
        run=management.list_projects,
        summary="List the projects of the management key",
        access="management",
        answer=ManagedProjectList,
    ),
    Operation(
        method="GET",
        path="/management/v1/projects/{project_id}",
        run=management.get_project,
        summary="Get a project",
        access="management",
        answer=ManagedProject,
    ),
    Operation(
        method="PUT",
        path="/management/v1/projects/{project_id}",
        run=management.update_project,
        summary="Change the settings of a project",
        access="management",
        body=UpdateProjectBody,
        answer=ManagedProject,
    ),
]
