"""What a person wants to know of the measurements, and whether the goals are met."""

from __future__ import annotations

from typing import Any

GOAL_RATIO = 2.0
GOAL_BYTES = 500_000_000


def show(result: dict[str, Any]) -> None:
    """What a person wants to know."""
    for size in result["sizes"]:
        rendered, floor = size["render"], size["floor"]
        good = size["ratio_cpu"] <= GOAL_RATIO and rendered["peak_bytes"] < GOAL_BYTES
        print(f"{size['workers']:,} workers + 3 control planes, {rendered['files']:,} files")
        print(
            f"  render {rendered['render_cpu']:.2f} s (wall {rendered['render_wall']:.2f}), floor "
            f"{floor['floor_cpu']:.2f} s (wall {floor['floor_wall']:.2f}): keys and certificates "
            f"{floor['pki_cpu']:.2f}, gzip {floor['gzip_cpu']:.2f}, files {floor['write_cpu']:.2f}"
        )
        print(
            f"  ratio {size['ratio_cpu']:.2f} (wall {size['ratio_wall']:.2f}; goal {GOAL_RATIO:g}),"
            f" peak memory {rendered['peak_bytes'] / 1e6:.0f} MB (goal {GOAL_BYTES / 1e6:.0f}):"
            f" {'good' if good else 'MISSED'}"
        )
        print(f"  lock {rendered['lock_bytes']:,} bytes")
    for role, found in result["sizes"][0]["render"]["sizes"].items():
        print(
            f"AWS {role}, as sent: {found['with_program']:,} bytes, "
            f"{found['without_program']:,} without the on-node program (limit 16,384)"
        )
    cfssl = result["cfssl"]
    if "seconds_each" not in cfssl:
        print(f"cfssl: {cfssl['missing']}")
        return
    for size in result["sizes"]:
        floor, rendered = size["floor"], size["render"]
        scaled = cfssl["seconds_each"] * floor["certificates"]
        print(
            f"cfssl, {floor['certificates']:,} certificates (scaled from {cfssl['sample']}): "
            f"{scaled:.0f} s, {scaled / rendered['render_wall']:.1f} times the whole render"
        )
