import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { LetterDetail } from '../../letter-views.ts'
import type { Failure } from '../../snapshot.ts'
import { getJson, RequestError } from '../api.ts'
import { bytesOf } from '../data-text.ts'
import { DataText } from '../data-view.tsx'
import { shardName } from '../format.ts'
import { FailureBox, Time } from '../parts.tsx'
import { Changes } from './letter-changes.tsx'

/** One dead letter: why it failed, where it came from, and its data. */
export function DeadLetter({ id }: { id: string }) {
  const letter = useSignal<LetterDetail | undefined>(undefined)
  const failure = useSignal<Failure | undefined>(undefined)
  const result = useSignal('')

  async function read(signal?: AbortSignal): Promise<void> {
    try {
      letter.value = await getJson<LetterDetail>(`/api/dead-letters/letter?id=${encodeURIComponent(id)}`, signal)
      failure.value = undefined
    } catch (error) {
      if (signal?.aborted) return
      if (!(error instanceof RequestError)) throw error
      letter.value = undefined
      failure.value = error.failure
    }
  }
  useEffect(() => {
    const stop = new AbortController()
    void read(stop.signal)
    return () => stop.abort()
  }, [id])

  const found = letter.value
  return (
    <>
      <p class="crumbs">
        <a href="#/dead-letters">Dead letters</a> <span aria-hidden="true">/</span> <span>{id}</span>
      </p>
      <div class="spread wrap">
        <h1>{found?.isReadable ? found.code : 'Dead letter'}</h1>
        {found?.isReadable && <Changes letters={[found]} result={result} onDone={() => read()} />}
      </div>
      <p role="status">{result.value}</p>
      {failure.value && <FailureBox failure={failure.value} />}
      {found && !found.isReadable && <p>This version cannot read the object.</p>}
      {found?.isReadable && (
        <>
          <ol class="causes">
            <li class="finding critical">{found.reason}</li>
            {found.causes.map(cause => (
              <li key={cause} class="finding">
                <span class="muted">because of</span> {cause}
              </li>
            ))}
          </ol>
          <dl class="facts panel">
            <div>
              <dt>Failed</dt>
              <dd>
                <Time at={found.failedAt} />
              </dd>
            </div>
            <div>
              <dt>Redriven</dt>
              <dd>{found.redrivenAt === null ? 'no' : <Time at={found.redrivenAt} />}</dd>
            </div>
            <div>
              <dt>Shard</dt>
              <dd>
                <a href={`#/stream/${found.shardId}`}>{shardName(found.shardId)}</a>
              </dd>
            </div>
            <div>
              <dt>Partition key</dt>
              <dd class="mono break">{found.partitionKey ?? 'none'}</dd>
            </div>
            <div>
              <dt>Sequence number</dt>
              <dd class="mono break">{found.sequenceNumber}</dd>
            </div>
            <div>
              <dt>Upload</dt>
              <dd class="break">
                {found.uploadId === null ? (
                  'none'
                ) : (
                  <>
                    <a href={`#/uploads/${found.uploadId}`}>{found.filename ?? found.uploadId}</a> (
                    {found.uploadStatus ?? 'deleted'})
                  </>
                )}
              </dd>
            </div>
          </dl>
          <h2>Data of the record</h2>
          <DataText data={bytesOf(found.data)} isCut={false} format="auto" />
        </>
      )}
    </>
  )
}
