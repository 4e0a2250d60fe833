/**
 * The process of the embedded Kinesis. It runs kinesis-local, which is a command line program, under the control of a
 * parent: it listens on the given address and port, reports the port, and writes its data atomically.
 */
import { createRequire } from 'node:module'
import { liveForParent, reportFailure, sendToParent, settingsFromParent } from './child-life.ts'
import { persistAtomically } from './kinesis-child-disk.ts'
import { redirectListen } from './kinesis-child-listen.ts'
import { labels, PERSIST_FILE } from './kinesis-labels.ts'

const stops: Array<() => void> = []
// kinesis-local replaces process.exit.
const exit = process.exit.bind(process)

liveForParent(() => {
  if (stops.length === 0) exit(0)
  for (const stop of stops) stop()
  listening.disconnect()
})

function takeOverSignals(): void {
  const on = process.on.bind(process)
  // kinesis-local writes its data and exits on SIGTERM. Its handler is kept, and called when this process ends.
  const register = (event: string, listener: () => void) => {
    if (event === 'SIGTERM') stops.push(listener)
    else if (event !== 'SIGINT') on(event, listener)
    return process
  }
  Object.assign(process, { on: register })
}

takeOverSignals()
persistAtomically(PERSIST_FILE)
const { host, port } = settingsFromParent()
const listening = redirectListen({
  host,
  ports: { [labels.plain]: port, [labels.tls]: 0 },
  listening: (label, found) => {
    if (label === labels.plain) sendToParent({ type: 'listening', port: found })
  },
  failed: reportFailure,
})
createRequire(import.meta.url)('kinesis-local')
