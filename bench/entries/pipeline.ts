import { withCleanup } from '../lib/cleanup.ts'
import type { Measurements } from '../lib/report.ts'
import { interleave } from '../lib/rounds.ts'
import { percentile } from '../lib/statistics.ts'
import { versionsOf } from '../lib/versions.ts'
import type { Entry, EntrySettings } from './entry.ts'
import { measurePipeline, type PipelineSample, type PipelineWork } from './pipeline-round.ts'
import { type Layout, startScene } from './pipeline-scene.ts'
import { worker } from './worker.ts'

const LAYOUTS: readonly Layout[] = [1, 2, 4, 8].flatMap(shards => [1, 2, 4].map(workers => ({ shards, workers })))
const QUICK_LAYOUTS: readonly Layout[] = [{ shards: 2, workers: 1 }]

const WORK: PipelineWork = { warmUp: 60, uploads: 300, connections: 16, calm: 60, everyMs: 47 }
const QUICK_WORK: PipelineWork = { warmUp: 2, uploads: 10, connections: 4, calm: 4, everyMs: 20 }

/** Measures uploads through the whole pipeline, and then the worker's part of the cost. */
export const pipeline: Entry = {
  name: 'pipeline',
  summary: 'uploads up to processed on 1 to 8 shards and 1 to 4 workers, with their latency; then the entry worker',
  byNameOnly: true,
  run: async settings => [await runLayouts(settings), ...[await worker.run(settings)].flat()],
}

const nameOf = ({ shards, workers }: Layout) => `${shards}-shards-${workers}-workers`

async function runLayouts({ rounds, quick, progress }: EntrySettings): Promise<Measurements> {
  const [layouts, work] = quick ? [QUICK_LAYOUTS, QUICK_WORK] : [LAYOUTS, WORK]
  const samples = new Map(layouts.map(layout => [nameOf(layout), [] as PipelineSample[]]))
  for (const [round, turns] of interleave(layouts, rounds).entries()) {
    for (const layout of turns) {
      progress(`pipeline: round ${round + 1} of ${rounds}, ${layout.shards} shards, ${layout.workers} workers`)
      const sample = await withCleanup(async onEnd => measurePipeline(await startScene(layout, onEnd), work))
      samples.get(nameOf(layout))?.push(sample)
      // The table comes after minutes, so each result is reported at once.
      const [p50, p99] = [0.5, 0.99].map(part => percentile(sample.latencies, part))
      progress(`pipeline: ${sample.uploadsPerSecond.toFixed()} uploads/s, p50 ${p50} ms, p99 ${p99} ms`)
    }
  }
  const contender = (layout: Layout) => {
    const rounds = samples.get(nameOf(layout)) ?? []
    return {
      name: nameOf(layout),
      does: `the api, ${layout.workers} worker processes, ${layout.shards} shards`,
      samples: {
        uploadsPerSecond: rounds.map(({ uploadsPerSecond }) => uploadsPerSecond),
        p50Ms: rounds.map(({ latencies }) => percentile(latencies, 0.5)),
        p99Ms: rounds.map(({ latencies }) => percentile(latencies, 0.99)),
      },
    }
  }
  return {
    name: 'pipeline',
    title: `uploads of 4 KiB through the embedded AWS: ${work.uploads} as fast as the api responds, then ${work.calm} one by one, every ${work.everyMs} ms; rounds: ${rounds}`,
    figures: [
      { key: 'uploadsPerSecond', label: 'uploads/s', digits: 0 },
      { key: 'p50Ms', label: 'p50 ms', digits: 0 },
      { key: 'p99Ms', label: 'p99 ms', digits: 0 },
    ],
    contenders: layouts.map(contender),
    comparisons: [],
    versions: versionsOf(['fastify', '@aws-sdk/client-kinesis']),
  }
}
