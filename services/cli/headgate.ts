#!/usr/bin/env node
/** The `headgate` command. An old Node can parse this file, and so reports what is needed instead of a SyntaxError. */
import '../platform/check-node.cjs'

// Static imports would be parsed before the check runs.
await import('./main.ts')
