"""The auditor's flow: records → Merkle tree → signed checkpoint; verifying takes nobody's word."""
