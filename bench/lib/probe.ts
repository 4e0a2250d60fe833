import { subscribe } from 'node:diagnostics_channel'
import type { AddressInfo, Server } from 'node:net'
import { answerParent, sendToParent } from './channel.ts'

/** What a process has used since it began. */
export interface Usage {
  /** User and system, in microseconds. */
  cpuMicros: number
  /** What it holds, in bytes. */
  rssBytes: number
  /** The most it ever held, in bytes. */
  peakRssBytes: number
}

/**
 * Loaded first into every child of a benchmark, so that any program can be measured as it is, without a line of its own
 * for it: says at which port it listens, and what it has used. Ends it when the benchmark is gone.
 */
answerParent('usage', (): Usage => {
  const { user, system } = process.cpuUsage()
  return {
    cpuMicros: user + system,
    rssBytes: process.memoryUsage.rss(),
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  }
})

subscribe('tracing:net.server.listen:asyncEnd', message => {
  const { server } = message as { server: Server }
  sendToParent('listening', (server.address() as AddressInfo).port)
})

process.on('disconnect', () => process.exit())
