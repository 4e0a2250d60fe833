/** Import this before a program. At its exit it prints the imported modules that only tracing needs, as a line. */

import { writeSync } from 'node:fs'
import { registerHooks } from 'node:module'

// OpenTelemetry's API is excluded, because prom-client imports it.
const NEEDED = /node_modules\/@opentelemetry\/(?!api\/)[^/]+|client-secrets-manager|tracing\/exporter/
const seen = new Set<string>()

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context)
    const [needed] = NEEDED.exec(resolved.url) ?? []
    if (needed !== undefined) seen.add(needed)
    return resolved
  },
})
process.on('exit', () => {
  writeSync(1, `loaded: ${[...seen].sort().join(' ')}.\n`)
})
