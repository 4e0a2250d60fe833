/**
 * The process of the embedded Kinesis: kinesis-local, which is made to be a command, as a child that a parent can rely on.
 * It listens on the address and the port it is told, says which that was, and keeps its data whole.
 */
import { createRequire } from 'node:module'
import { liveForParent, reportFailure, sendToParent, settingsFromParent } from './child-life.ts'
import { persistAtomically } from './kinesis-child-disk.ts'
import { redirectListen } from './kinesis-child-listen.ts'
import { labels, PERSIST_FILE } from './kinesis-labels.ts'

const stops: Array<() => void> = []
// kinesis-local puts its own in the place of this one.
const exit = process.exit.bind(process)

liveForParent(() => {
  if (stops.length === 0) exit(0)
  for (const stop of stops) stop()
  listening.disconnect()
})

function takeOverSignals(): void {
  const on = process.on.bind(process)
  // kinesis-local writes its data and exits on SIGTERM: its handler is kept for our own end.
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
