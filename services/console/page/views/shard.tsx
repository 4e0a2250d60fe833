import type { ShardView } from '../../snapshot.ts'
import { bytes, hashShare, rate, shardName } from '../format.ts'
import { Ago, Empty, FindingItem, Worker } from '../parts.tsx'
import { findings, shards, summary } from '../state.ts'
import { Records } from './records.tsx'
import { HashRange, Lag, State } from './stream.tsx'

export function Shard({ id }: { id: string }) {
  const shard = shards.value.get(id)
  const title = (
    <p class="crumbs">
      <a href="#/stream">Stream</a> <span aria-hidden="true">/</span> <span>{id}</span>
    </p>
  )
  if (!shard) {
    return (
      <>
        {title}
        <h1>{shardName(id)}</h1>
        {summary.value?.isReady ? (
          <Empty title="The stream does not have this shard.">It has expired, or the address is wrong.</Empty>
        ) : (
          <p class="muted">Reading the stream…</p>
        )}
      </>
    )
  }
  const own = findings.value.filter(({ shardId }) => shardId === id)
  return (
    <>
      {title}
      <h1>
        {shardName(id)} <State shard={shard} />
      </h1>
      {own.length > 0 && (
        <ul class="findings">
          {own.map(finding => (
            <FindingItem key={finding.id} finding={finding} />
          ))}
        </ul>
      )}
      <Facts shard={shard} />
      <Records key={id} shard={shard} />
    </>
  )
}

function Facts({ shard }: { shard: ShardView }) {
  const { lease, lag, arrivals, parents } = shard
  const children = [...shards.value.values()].filter(other => other.parents.includes(shard.id))
  return (
    <dl class="facts panel">
      <div>
        <dt>Owner</dt>
        <dd>
          <Worker id={lease?.owner ?? null} />
          {lease?.requestedBy && (
            <span class="muted">
              requested by <Worker id={lease.requestedBy} />
            </span>
          )}
        </dd>
      </div>
      <div>
        <dt>Behind</dt>
        <dd>
          <Lag shard={shard} />
        </dd>
      </div>
      <div>
        <dt>Arriving</dt>
        <dd>
          {arrivals === null
            ? '–'
            : `${rate(arrivals.recordsPerSecond)} records, ${bytes(arrivals.bytesPerSecond)} a second`}
        </dd>
      </div>
      <div>
        <dt>Lease renewed</dt>
        <dd>
          <Ago at={lease?.renewedAt ?? null} />
        </dd>
      </div>
      <div>
        <dt>Record at the checkpoint</dt>
        <dd>
          <Ago at={lag?.doneUpTo ?? null} />
        </dd>
      </div>
      <div>
        <dt>Hash keys</dt>
        <dd>
          <HashRange shard={shard} /> <span class="muted">{hashShare(shard)}</span>
        </dd>
      </div>
      <div>
        <dt>Parents</dt>
        <dd>
          <Links ids={parents} />
        </dd>
      </div>
      <div>
        <dt>Children</dt>
        <dd>
          <Links ids={children.map(({ id }) => id)} />
        </dd>
      </div>
      <div class="wide">
        <dt>Checkpoint</dt>
        <dd class="mono break">
          {lease === null ? 'no lease yet' : lease.checkpoint}
          {lease !== null && lease.subSequenceNumber > 0 && `, record ${lease.subSequenceNumber} of its aggregate`}
        </dd>
      </div>
    </dl>
  )
}

function Links({ ids }: { ids: readonly string[] }) {
  if (ids.length === 0) return <span class="muted">none</span>
  return (
    <span class="chips">
      {ids.map(id => (
        <a key={id} href={`#/stream/${id}`}>
          {shardName(id)}
        </a>
      ))}
    </span>
  )
}
