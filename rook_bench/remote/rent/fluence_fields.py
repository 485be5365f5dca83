"""Names of the Fluence API in one place.

Taken from its public specification, version 0.10.0 (OpenAPI, July 2026). They could not be tried against the real
service; where it answers otherwise, its own words are passed on, and this is the file to mend.
"""

from __future__ import annotations

API = "https://api.fluence.dev"
CONSOLE = "https://console.fluence.network"
KEY_HEADER = "X-API-KEY"

MACHINES, DISKS, ADDRESSES = "/v2/vms", "/v1/storages", "/v1/public_ips"
CLUSTERS, RESOURCES = "/v1/clusters", "/v1/clusters/{cluster}/resources"
COST, IMAGES = "/v1/prices/cost", "/v1/storages/default_images"

GONE = {
    MACHINES: {"terminated"},
    DISKS: {"removed"},
    ADDRESSES: {"removed"},
}
"""Statuses in which nothing is billed any more."""

READY, FAILED = "launched", {"failed", "terminating", "terminated"}
"""Of a machine."""

USUAL_MACHINE = "cpu-premium-8vcpu-32gb"
USUAL_IMAGE = "ubuntu-24-04-x64"
STORAGE = "NVME"
ADDRESS = "V4"

MOST_USER_DATA = 16 * 1024
"""Bytes of cloud-init."""

PER_PAGE = 100


def create_machine(
    cluster: str, configuration: str, name: str, image: str, disk_gb: int, user_data: str
) -> dict[str, object]:
    """Body of the request that rents a machine with a disk and an address of its own, all of one name."""
    return {
        "clusterId": cluster,
        "name": name,
        "configurationId": configuration,
        "bootDisk": {
            "clusterId": cluster,
            "name": name,
            "storageType": STORAGE,
            "volumeGb": disk_gb,
            "replicated": False,
            "osImage": image,
        },
        "publicIp": {"clusterId": cluster, "name": name, "addressType": ADDRESS},
        "cloudInit": {"userData": user_data},
    }


def cost_request(cluster: str, configuration: str, disk_gb: int) -> dict[str, object]:
    """Body of the question what an hour of that costs."""
    storage = {"storageType": STORAGE, "replicated": False, "clusterId": cluster}
    return {
        "resources": [
            {"vm": {"resource_id": {"vmConfigurationId": configuration, "clusterId": cluster}}},
            {"storage": {"resource_id": storage, "volume_gb": disk_gb}},
            {"publicIp": {"resource_id": {"addressType": ADDRESS, "clusterId": cluster}}},
        ],
        "secs": 3600,
    }
