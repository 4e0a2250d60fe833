import type { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb'
import t, { type Test } from 'tap'
import { skipped, TIMEOUT_MS } from './support/java.ts'
import { APPLICATION, type Row, Scene } from './support/scene.ts'
import type { KclVersion } from './support/servers.ts'

const OUR_APPLICATION = 'our-application'
const SHARD = 'shardId-000000000000'

const isAtSequence = (row: Row) => /^\d+$/.test(row.checkpoint?.S ?? '')

/** Where a lease is in its life, as its row tells. */
const STAGES = {
  fresh: row => row.leaseOwner === undefined && row.checkpoint?.S === 'TRIM_HORIZON' && !row.parentShardId,
  taken: row => row.leaseOwner !== undefined && row.checkpoint?.S === 'TRIM_HORIZON' && !row.parentShardId,
  // Without children: KCL writes them a moment before the end.
  checkpointed: row => row.leaseOwner !== undefined && isAtSequence(row) && !row.parentShardId && !row.childShardIds,
  'shard end': row => row.checkpoint?.S === 'SHARD_END',
  child: row => row.leaseOwner !== undefined && isAtSequence(row) && row.parentShardId !== undefined,
} as const satisfies Record<string, (row: Row) => boolean>

type Stage = keyof typeof STAGES
const stages = Object.keys(STAGES) as Stage[]

/** What KCL writes and we leave out. */
const LEFT_OUT: Record<string, string> = {
  'leaseOwner at shard end': 'KCL holds the lease of an ended shard until it deletes it; we give it up with the end',
  entityType: 'new in 3.5; a row without one is a lease',
  throughputKBps: 'new in 3; for the balance by throughput, which the 2.x-compatible mode does not have',
}

const isLeftOut = (name: string, stage: Stage) => name in LEFT_OUT || `${name} at ${stage}` in LEFT_OUT

/** The attributes of the rows at each stage, each with its type. */
class Shapes {
  readonly of = new Map<Stage, Map<string, string>>()

  note(row: Row): void {
    for (const stage of stages.filter(name => STAGES[name](row))) {
      const shape = this.of.get(stage) ?? new Map<string, string>()
      for (const [name, value] of Object.entries(row)) shape.set(name, Object.keys(value).join())
      this.of.set(stage, shape)
    }
  }

  /** Notes the rows that are written whole: those of ours are taken as soon as they are made. */
  noteWrites(dynamodb: DynamoDBClient, table: string): void {
    dynamodb.middlewareStack.add(
      next => args => {
        const { TableName, Item } = args.input as PutItemCommand['input']
        if (TableName === table && Item) this.note(Item)
        return next(args)
      },
      { step: 'initialize' },
    )
  }
}

t.setTimeout(2 * TIMEOUT_MS)

for (const version of ['kcl2', 'kcl3'] as const) {
  t.test(`our rows have what those of ${version} have`, { skip: skipped, timeout: TIMEOUT_MS }, t =>
    compare(t, version),
  )
}

async function compare(t: Test, version: KclVersion): Promise<void> {
  const scene = await Scene.open(t, version, { shards: 1 })
  const [theirs, ours] = [new Shapes(), new Shapes()]
  ours.noteWrites(scene.servers.dynamodb, OUR_APPLICATION)
  const seen = async (shapes: Shapes, table: string, wanted: readonly Stage[]) => {
    const noteAll = (leases: Map<string, Row>) => {
      for (const row of leases.values()) shapes.note(row)
      return wanted.every(stage => shapes.of.has(stage))
    }
    await scene.until(`${wanted} in ${table}`, noteAll, table)
  }
  const both = async (...wanted: Stage[]) => {
    await seen(theirs, APPLICATION, wanted)
    await seen(ours, OUR_APPLICATION, wanted)
  }

  // Two applications that read one stream, each with a table of its own.
  await scene.kcl('java')
  await seen(theirs, APPLICATION, ['fresh'])
  // It looks at the shards only once, and so leaves the ended one's lease for us to see.
  await scene.consumer('ours', { applicationName: OUR_APPLICATION, shardSyncIntervalMs: 3_600_000 }).start()
  await both('fresh', 'taken')
  await scene.putRecords(20)
  await both('checkpointed')
  await scene.split(SHARD, (await scene.leases()).get(SHARD) ?? {})
  await scene.putRecords(200)
  await both('shard end', 'child')

  for (const stage of stages) {
    const their = [...(theirs.of.get(stage) ?? [])]
    const our = ours.of.get(stage) ?? new Map<string, string>()
    const missing = their.map(([name]) => name).filter(name => !our.has(name) && !isLeftOut(name, stage))
    t.strictSame(missing, [], `${stage}: nothing is missing but what is left out on purpose`)
    const others = their.filter(([name, type]) => our.has(name) && our.get(name) !== type)
    t.strictSame(others, [], `${stage}: and all of it has KCL's types`)
    const added = [...our.keys()].filter(name => !their.some(([known]) => known === name))
    t.strictSame(
      added.filter(name => !name.startsWith('headgate')),
      [],
      `${stage}: what is added bears our name`,
    )
  }
}
