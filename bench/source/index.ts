import { sibling } from '../../services/local/sibling.ts'
import { startChild } from '../lib/child.ts'
import { BenchError } from '../lib/errors.ts'
import type { SourceAddresses } from './server.ts'

export type { SourceAddresses }

/** A Kinesis in its own process. Its cost is not counted, and it does not slow its readers down. */
export interface Source {
  readonly addresses: SourceAddresses
  /** Releases the replies of one round of a stream. */
  release(stream: string): Promise<void>
  /** Releases the records of a stream without a limit. */
  open(stream: string): Promise<void>
  /** @throws BenchError if there was a request that the source does not support */
  check(): Promise<void>
  stop(): Promise<void>
}

export async function startSource(streams: readonly string[]): Promise<Source> {
  const child = startChild({
    name: 'the source',
    entry: sibling(import.meta, 'server'),
    env: { STREAMS: streams.join(), NODE_ENV: 'production' },
  })
  try {
    const addresses = await child.waitFor<SourceAddresses>('ready')
    return {
      addresses,
      release: stream => child.ask<void>(`release ${stream}`),
      open: stream => child.ask<void>(`open ${stream}`),
      async check() {
        const unknown = await child.ask<string>('unknown')
        if (unknown !== '') throw new BenchError(`The source does not support ${unknown}.`)
      },
      stop: () => child.stop(),
    }
  } catch (error) {
    await child.stop()
    throw error
  }
}
