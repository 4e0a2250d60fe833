/** Imported before a program: tells at its exit which modules were imported that traces need, as a line of its own. */

import { writeSync } from 'node:fs'
import { registerHooks } from 'node:module'

// Not OpenTelemetry's API: prom-client looks whether somebody traces.
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
