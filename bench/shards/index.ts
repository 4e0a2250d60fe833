import { sibling } from '../../services/local/sibling.ts'
import { startChild } from '../lib/child.ts'
import { BenchError } from '../lib/errors.ts'
import type { ShardsSettings } from './kinesis.ts'
import type { ShardsReport } from './server.ts'

/** A Kinesis with one stream of many shards, in its own process. */
export interface Shards {
  readonly address: string
  /**
   * Returns the number of calls that were throttled.
   *
   * @throws BenchError if there was a request that the server does not support
   */
  throttled(): Promise<number>
  stop(): Promise<void>
}

export async function startShards(settings: ShardsSettings): Promise<Shards> {
  const child = startChild({
    name: 'the stream',
    entry: sibling(import.meta, 'server'),
    env: { SHARDS_SETTINGS: JSON.stringify(settings), NODE_ENV: 'production' },
  })
  try {
    return {
      address: await child.waitFor<string>('ready'),
      async throttled() {
        const { throttled, unknown } = await child.ask<ShardsReport>('report')
        if (unknown !== '') throw new BenchError(`The stream does not support ${unknown}.`)
        return throttled
      },
      stop: () => child.stop(),
    }
  } catch (error) {
    await child.stop()
    throw error
  }
}
