import { sibling } from '../../services/local/sibling.ts'
import { startChild } from '../lib/child.ts'
import { BenchError } from '../lib/errors.ts'
import { difference, type SinkCounts } from './counts.ts'
import type { SinkAddresses } from './server.ts'

export type { SinkAddresses, SinkCounts }

/** An AWS that answers at once, in a process of its own: what is measured beside it is not slowed by it. */
export interface Sink {
  readonly addresses: SinkAddresses
  /**
   * Does work, and tells what of it reached the sink.
   *
   * @throws BenchError where something came that the sink has no answer for
   */
  during(work: () => Promise<void>): Promise<SinkCounts>
  /** What reached it since it started. */
  counts(): Promise<SinkCounts>
  stop(): Promise<void>
}

/** @param leasesUrl a DynamoDB that every request of another table than the uploads' is passed on to */
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
        throw new BenchError(`The sink has no answer for ${reached.unknown} requests, as ${reached.lastUnknown}.`)
      },
      counts,
      stop: () => child.stop(),
    }
  } catch (error) {
    await child.stop()
    throw error
  }
}
