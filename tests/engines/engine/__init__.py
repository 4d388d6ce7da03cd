# SPDX-License-Identifier: Apache-2.0
"""What the engines' tests share: images, clients, and how an engine is started and stopped."""
