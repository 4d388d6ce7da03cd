# SPDX-License-Identifier: Apache-2.0
"""What system, attack, engines and bench share: containers, bundles, policies, the machine and how it is compared."""
