import { type Signal, useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { LettersLine, LetterView } from '../../letter-views.ts'
import type { Failure } from '../../snapshot.ts'
import { choiceColumn, chosenOf } from '../choice.tsx'
import { bytes, count, shardName } from '../format.ts'
import { Ago, Badge, Empty, FailureBox, Table, type TableColumn } from '../parts.tsx'
import { readLines } from '../read-lines.ts'
import { about, summary } from '../state.ts'
import { Changes } from './letter-changes.tsx'

export type ReadableLetter = Extract<LetterView, { isReadable: true }>

/** All dead letters with the same code, or with the same code and reason. */
interface Group {
  title: string
  letters: ReadableLetter[]
}

type Grouping = 'code' | 'reason'

const columns: ReadonlyArray<TableColumn<ReadableLetter>> = [
  {
    title: 'Failed',
    width: '6rem',
    cell: ({ id, failedAt }) => (
      <a class="row-link" href={`#/dead-letters/${encodeURIComponent(id)}`}>
        <Ago at={failedAt} />
      </a>
    ),
    sortBy: ({ failedAt }) => failedAt,
  },
  {
    title: 'File',
    width: 'minmax(4rem, 2fr)',
    cell: ({ filename }) =>
      filename === null ? <span class="muted">no upload</span> : <span title={filename}>{filename}</span>,
    sortBy: ({ filename }) => filename ?? undefined,
  },
  { title: 'Reason', width: 'minmax(5rem, 3fr)', cell: ({ reason }) => <span title={reason}>{reason}</span> },
  {
    title: 'Shard',
    width: '7rem',
    cell: ({ shardId }) => shardName(shardId),
    sortBy: ({ shardId }) => shardId,
    isWide: true,
  },
  { title: 'Key', width: 'minmax(6rem, 1fr)', cell: ({ partitionKey }) => partitionKey ?? '–', isWide: true },
  { title: 'Size', width: '5rem', cell: letter => bytes(letter.bytes), align: 'right', isWide: true },
  {
    title: 'State',
    width: '6rem',
    cell: ({ redrivenAt }) =>
      redrivenAt === null ? <Badge level="bad">waiting</Badge> : <Badge level="idle">redriven</Badge>,
    isWide: true,
  },
]

export function DeadLetters() {
  const letters = useSignal<readonly LetterView[] | undefined>(undefined)
  const failure = useSignal<Failure | undefined>(undefined)
  const isShowingRedriven = useSignal(false)
  const isCut = useSignal(false)
  const grouping = useSignal<Grouping>('code')
  const result = useSignal('')
  const access = about.value?.deadLetters

  async function read(signal: AbortSignal): Promise<void> {
    const found: LetterView[] = []
    const failed = await readLines<LettersLine>('/api/dead-letters', signal, line => {
      if (line.type === 'letter') found.push(line.letter)
      if (line.type === 'failure') failure.value = line.failure
      if (line.type === 'end') {
        failure.value = undefined
        isCut.value = line.isCut
      }
    })
    if (failed) failure.value = failed
    if (!signal.aborted) letters.value = found
  }
  const stop = useRef(new AbortController())
  const refresh = () => read(stop.current.signal)
  // The console counts the letters. When the number changes, there is something new to show.
  const waiting = summary.value?.deadLetters?.count
  useEffect(() => {
    stop.current = new AbortController()
    if (access) void refresh()
    return () => stop.current.abort()
  }, [access, waiting])

  if (!access) {
    return (
      <>
        <h1>Dead letters</h1>
        <Empty title="This console knows no bucket with dead letters.">
          Set PROCESSED_BUCKET to the bucket of the workers, and start the console again.
        </Empty>
      </>
    )
  }
  const all = letters.value ?? []
  const readable = all.filter(letter => letter.isReadable)
  const redriven = readable.filter(({ redrivenAt }) => redrivenAt !== null)
  const shown = isShowingRedriven.value ? readable : readable.filter(({ redrivenAt }) => redrivenAt === null)
  return (
    <>
      <div class="spread wrap">
        <h1>Dead letters</h1>
        <div class="tools">
          <label class="checkbox">
            Group by
            <select
              value={grouping.value}
              onChange={event => {
                grouping.value = event.currentTarget.value as Grouping
              }}
            >
              <option value="code">code</option>
              <option value="reason">code and reason</option>
            </select>
          </label>
          {redriven.length > 0 && (
            <label class="checkbox">
              <input
                type="checkbox"
                checked={isShowingRedriven.value}
                onChange={event => {
                  isShowingRedriven.value = event.currentTarget.checked
                }}
              />
              Show {redriven.length} that were redriven
            </label>
          )}
          <button type="button" onClick={() => void refresh()}>
            Read again
          </button>
        </div>
      </div>
      <p class="lead">
        Records that could not be processed. Fix the cause first, then redrive them: the record is put on the stream
        again.
      </p>
      <p role="status">{result.value}</p>
      {failure.value && <FailureBox failure={failure.value} />}
      {letters.value === undefined && !failure.value && <p class="muted">Reading the dead letters…</p>}
      {letters.value !== undefined && shown.length === 0 && !failure.value && (
        <Empty title="No dead letters wait.">Every record was processed, or is being retried.</Empty>
      )}
      {readable.length < all.length && (
        <p class="muted">{count(all.length - readable.length, 'object')} cannot be read by this version.</p>
      )}
      {isCut.value && (
        <p class="muted">Only the first {all.length} are listed. Use headgate dead-letters for the others.</p>
      )}
      {groupsOf(shown, grouping.value).map(group => (
        <GroupOfLetters key={group.title} group={group} result={result} onDone={refresh} />
      ))}
    </>
  )
}

interface GroupSettings {
  group: Group
  result: Signal<string>
  onDone(): Promise<void>
}

function GroupOfLetters({ group: { title, letters }, result, onDone }: GroupSettings) {
  const chosen = useSignal<ReadonlySet<string>>(new Set())
  const nameOf = ({ filename, id }: ReadableLetter) => filename ?? id
  const shown = about.value?.allowChanges
    ? [choiceColumn({ chosen, rows: letters, keyOf, nameOf }), ...columns]
    : columns
  const { rows, isAll } = chosenOf({ chosen, rows: letters, keyOf })
  return (
    <section aria-label={title}>
      <div class="spread wrap group-head">
        <h2 class="break">
          {title} <span class="muted">{letters.length}</span>
        </h2>
        <Changes
          letters={rows}
          which={isAll ? `all ${rows.length}` : `${rows.length} chosen`}
          result={result}
          onDone={onDone}
        />
      </div>
      <Table label={title} rows={letters} keyOf={keyOf} columns={shown} />
    </section>
  )
}

const keyOf = ({ id }: ReadableLetter) => id

function groupsOf(letters: readonly ReadableLetter[], grouping: Grouping): Group[] {
  const groups = Map.groupBy(letters, ({ code, reason }) => (grouping === 'code' ? code : `${code}: ${reason}`))
  return Array.from(groups, ([title, all]) => ({
    title,
    letters: all.toSorted((a, b) => b.failedAt - a.failedAt),
  })).sort((a, b) => b.letters.length - a.letters.length)
}
