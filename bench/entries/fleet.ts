import { kcl2, kcl3, kclFigures } from '../fleet/kcl.ts'
import {
  CHANGED_WORKERS,
  type FleetChange,
  type FleetFigures,
  type FleetShape,
  measureFleet,
} from '../fleet/measure.ts'
import type { Measurements, Samples } from '../lib/report.ts'
import { versionsOf } from '../lib/versions.ts'
import type { Entry } from './entry.ts'

/** Shards and workers of the fleets, unless others are named. */
const SHAPES: readonly FleetShape[] = [
  { shards: 100, workers: 10 },
  { shards: 500, workers: 50 },
  { shards: 1_000, workers: 50 },
  { shards: 1_000, workers: 1 },
]
const QUICK_SHAPES: readonly FleetShape[] = [{ shards: 24, workers: 3 }]

const seconds = (label: string) => ({ label: `${label} s`, digits: 1 })

/** Each figure with its label, and how it is read from the measurement. */
const FIGURES: ReadonlyArray<{
  key: string
  label: string
  digits: number
  of(figures: FleetFigures): number
}> = [
  { key: 'startHeldS', ...seconds('start: held'), of: ({ start }) => start.heldMs / 1_000 },
  { key: 'startBalancedS', ...seconds('balanced'), of: ({ start }) => start.balancedMs / 1_000 },
  { key: 'startMoves', label: 'moves / needed', digits: 2, of: ({ start }) => ratioOf(start) },
  { key: 'joinS', ...seconds(`+${CHANGED_WORKERS}`), of: ({ join }) => join.balancedMs / 1_000 },
  { key: 'joinMoves', label: 'moves / needed', digits: 2, of: ({ join }) => ratioOf(join) },
  { key: 'killS', ...seconds('kill: held'), of: ({ kill }) => kill.heldMs / 1_000 },
  { key: 'stopS', ...seconds(`-${CHANGED_WORKERS - 1}: held`), of: ({ stop }) => stop.heldMs / 1_000 },
  { key: 'stopGapP99S', ...seconds('gap p99'), of: ({ stop }) => stop.gapP99Ms / 1_000 },
  { key: 'readsPerS', label: 'RRU/s', digits: 2, of: ({ steady }) => steady.reads },
  { key: 'readDollars', label: '$', digits: 2, of: ({ steady }) => steady.readDollars },
  { key: 'writesPerS', label: 'WRU/s', digits: 0, of: ({ steady }) => steady.writes },
  { key: 'writeDollars', label: '$', digits: 0, of: ({ steady }) => steady.writeDollars },
]

/** Measures how fleets of consumers share their leases, in virtual time. */
export const fleet: Entry = {
  name: 'fleet',
  summary:
    'fleets of consumers on virtual time: how leases are shared, and what the lease table costs, beside models of KCL',
  byNameOnly: true,
  async run({ rounds, quick, shapes, progress }) {
    const measured: Measurements[] = []
    for (const shape of shapes ?? (quick ? QUICK_SHAPES : SHAPES)) {
      measured.push(await measurementsOf(shape, rounds, progress))
    }
    return measured
  },
}

async function measurementsOf(
  shape: FleetShape,
  rounds: number,
  progress: (line: string) => void,
): Promise<Measurements> {
  const ours: FleetFigures[] = []
  const ofKcl = { [kcl2.name]: [] as FleetFigures[], [kcl3.name]: [] as FleetFigures[] }
  for (let seed = 1; seed <= rounds; seed++) {
    progress(`fleet: ${shape.shards} shards, ${shape.workers} workers, seed ${seed} of ${rounds}`)
    const figures = await measureFleet(shape, seed)
    ours.push(figures)
    for (const model of [kcl2, kcl3]) ofKcl[model.name]?.push(kclFigures(model, shape, figures.rowBytes, seed))
  }
  const contender = (name: string, does: string, all: readonly FleetFigures[]) => ({
    name,
    does,
    samples: samplesOf(all),
  })
  return {
    name: `fleet ${shape.shards}x${shape.workers}`,
    title: `${shape.shards} shards, ${shape.workers} workers with default options, then ${CHANGED_WORKERS} more, one killed, ${CHANGED_WORKERS - 1} stopped; virtual time, ${rounds} seeds`,
    figures: FIGURES.map(({ key, label, digits }) => ({ key, label, digits })),
    contenders: [
      contender('headgate', 'the consumer, on models of DynamoDB and Kinesis', ours),
      contender(
        kcl2.name,
        'a model of its algorithm. Its workers do not release leases when they stop',
        ofKcl[kcl2.name] ?? [],
      ),
      contender(
        kcl3.name,
        'a model of its algorithm, with leases of equal load. Balanced: nobody over 10 % above the average',
        ofKcl[kcl3.name] ?? [],
      ),
    ],
    comparisons: [],
    versions: versionsOf([]),
  }
}

function ratioOf({ moves, needed }: FleetChange): number {
  return needed === 0 ? 1 : moves / needed
}

function samplesOf(all: readonly FleetFigures[]): Samples {
  return Object.fromEntries(FIGURES.map(({ key, of }) => [key, all.map(of)]))
}
