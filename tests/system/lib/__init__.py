# SPDX-License-Identifier: Apache-2.0
"""What the system tests share: containers, bundles, policies, and comparisons of the host."""
