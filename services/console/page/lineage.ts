import type { ShardView } from '../snapshot.ts'
import { hashFraction } from './format.ts'

export interface PlacedShard {
  shard: ShardView
  column: number
  /** In rows from the top. A parent lies between its children. */
  row: number
}

export interface Lineage {
  placed: readonly PlacedShard[]
  edges: ReadonlyArray<{ from: PlacedShard; to: PlacedShard }>
  columns: number
  rows: number
}

/** Places shards by generations: parents on the left, their children on the right, each column in the order of the hash keys. */
export function layOut(shards: readonly ShardView[]): Lineage {
  const byId = new Map(shards.map(shard => [shard.id, shard]))
  const children = new Map<string, string[]>()
  const parentsOf = ({ parents }: ShardView) => parents.filter(id => byId.has(id))
  for (const shard of shards) {
    for (const parent of parentsOf(shard)) children.set(parent, [...(children.get(parent) ?? []), shard.id])
  }
  const columnOf = generations(shards, parentsOf)
  const start = ({ firstHashKey }: ShardView) => hashFraction(firstHashKey)

  // The newest shards get a row each. The rows of the others follow from those of their children.
  const rowOf = new Map<string, number>()
  const leaves = shards.filter(({ id }) => !children.has(id)).sort((a, b) => start(a) - start(b))
  for (const [row, { id }] of leaves.entries()) rowOf.set(id, row)
  const oldestLast = shards.toSorted((a, b) => (columnOf.get(b.id) ?? 0) - (columnOf.get(a.id) ?? 0))
  for (const { id } of oldestLast) {
    const rows = (children.get(id) ?? []).map(child => rowOf.get(child) ?? 0)
    if (rows.length > 0) rowOf.set(id, rows.reduce((sum, row) => sum + row, 0) / rows.length)
  }

  const placed = shards.map(shard => ({
    shard,
    column: columnOf.get(shard.id) ?? 0,
    row: rowOf.get(shard.id) ?? 0,
  }))
  for (const column of Map.groupBy(placed, ({ column }) => column).values()) spread(column, start)
  const placeOf = new Map(placed.map(place => [place.shard.id, place]))
  const edges = placed.flatMap(to =>
    parentsOf(to.shard).flatMap(id => {
      const from = placeOf.get(id)
      return from ? [{ from, to }] : []
    }),
  )
  return {
    placed,
    edges,
    columns: Math.max(0, ...placed.map(({ column }) => column)) + 1,
    rows: Math.max(0, ...placed.map(({ row }) => row)) + 1,
  }
}

function generations(shards: readonly ShardView[], parentsOf: (shard: ShardView) => string[]): Map<string, number> {
  const byId = new Map(shards.map(shard => [shard.id, shard]))
  const columns = new Map<string, number>()
  // The ids of shards grow, so parents come before their children. A loop in invalid data does no harm.
  for (const shard of byId.values()) {
    const parents = parentsOf(shard).map(id => columns.get(id) ?? 0)
    columns.set(shard.id, parents.length === 0 ? 0 : Math.max(...parents) + 1)
  }
  return columns
}

/** Moves shards of a column apart, so that there is at most one in each row. The parents of a merge want the same place. */
function spread(column: PlacedShard[], start: (shard: ShardView) => number): void {
  column.sort((a, b) => start(a.shard) - start(b.shard) || a.row - b.row)
  let free = 0
  for (const place of column) {
    place.row = Math.max(place.row, free)
    free = place.row + 1
  }
}
