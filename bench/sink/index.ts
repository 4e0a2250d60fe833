import { sibling } from '../../services/local/sibling.ts'
import { startChild } from '../lib/child.ts'
import { BenchError } from '../lib/errors.ts'
import { difference, type SinkCounts } from './counts.ts'
import type { SinkAddresses } from './server.ts'

export type { SinkAddresses, SinkCounts }

/** An AWS that responds at once, in its own process, so that it does not slow the measured program down. */
export interface Sink {
  readonly addresses: SinkAddresses
  /**
   * Runs work and resolves to the requests that reached the sink meanwhile.
   *
   * @throws BenchError if there was a request that the sink does not support
   */
  during(work: () => Promise<void>): Promise<SinkCounts>
  /** Resolves to the requests since the start. */
  counts(): Promise<SinkCounts>
  stop(): Promise<void>
}

/** @param leasesUrl a DynamoDB that gets every request for another table than the table of uploads */
export async function startSink(leasesUrl?: string): Promise<Sink> {
  const env = leasesUrl === undefined ? {} : { LEASES_URL: leasesUrl }
  const child = startChild({ name: 'the sink', entry: sibling(import.meta, 'server'), env })
  const counts = () => child.ask<SinkCounts>('counts')
  try {
    const addresses = await child.waitFor<SinkAddresses>('ready')
    return {
      addresses,
      async during(work) {
        const before = await counts()
        await Promise.race([work(), child.death])
        const reached = difference(await counts(), before)
        if (reached.unknown === 0) return reached
        throw new BenchError(`The sink does not support ${reached.unknown} requests, such as ${reached.lastUnknown}.`)
      },
      counts,
      stop: () => child.stop(),
    }
  } catch (error) {
    await child.stop()
    throw error
  }
}
