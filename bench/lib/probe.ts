import { subscribe } from 'node:diagnostics_channel'
import type { AddressInfo, Server } from 'node:net'
import { answerParent, sendToParent } from './channel.ts'

/** The CPU time and memory of a process since its start. */
export interface Usage {
  /** User and system time, in microseconds. */
  cpuMicros: number
  /** The current memory, in bytes. */
  rssBytes: number
  /** The peak memory, in bytes. */
  peakRssBytes: number
}

/**
 * Loaded first into every child of a benchmark, so that programs can be measured without a change. Reports the port
 * that the program listens on, and its CPU time and memory. Ends the program when the benchmark has ended.
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
