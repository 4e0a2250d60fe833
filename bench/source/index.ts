import { sibling } from '../../services/local/sibling.ts'
import { startChild } from '../lib/child.ts'
import { BenchError } from '../lib/errors.ts'
import type { SourceAddresses } from './server.ts'

export type { SourceAddresses }

/** A Kinesis in a process of its own: what it costs is not counted, and what reads from it is not slowed by it. */
export interface Source {
  readonly addresses: SourceAddresses
  /** Gives a stream the replies of one round. */
  release(stream: string): Promise<void>
  /** Gives a stream's records for ever, as fast as they are asked for. */
  open(stream: string): Promise<void>
  /** @throws BenchError where something was asked that the source has no answer for */
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
        if (unknown !== '') throw new BenchError(`The source has no answer for ${unknown}.`)
      },
      stop: () => child.stop(),
    }
  } catch (error) {
    await child.stop()
    throw error
  }
}
