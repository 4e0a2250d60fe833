import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Failure, Finding } from '../snapshot.ts'
import { age, colorOf, type Level, shardName, time, withShardNames } from './format.ts'
import { now } from './state.ts'

/** A time in the zone of the viewer, with UTC when the pointer rests on it. */
export function Time({ at, children }: { at: number; children?: ComponentChildren }) {
  const utc = new Date(at).toISOString()
  return (
    <time dateTime={utc} title={`${utc} (UTC)`}>
      {children ?? time(at)}
    </time>
  )
}

/** How long ago something was. */
export function Ago({ at }: { at: number | null }) {
  if (at === null) return <span class="muted">–</span>
  return <Time at={at}>{age(now.value - at)} ago</Time>
}

export function Worker({ id }: { id: string | null }) {
  if (id === null) return <span class="muted">none</span>
  return (
    <span class="worker" title={id}>
      <span class={`dot color-${colorOf(id)}`} aria-hidden="true" />
      <span class="clip">{id}</span>
    </span>
  )
}

export function Badge({ level, children }: { level: Level; children: ComponentChildren }) {
  return <span class={`badge ${level}`}>{children}</span>
}

/** What a view shows when it has nothing to show: why, and what to do first. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <strong>{title}</strong>
      <p>{children}</p>
    </div>
  )
}

export function FailureBox({ failure }: { failure: Failure }) {
  return (
    <div class="finding critical" role="alert">
      <strong>{failure.title}</strong>
      {failure.advice && <p>{failure.advice}</p>}
    </div>
  )
}

const SEVERITIES = { critical: 'Broken', warning: 'Warning', info: 'Note' } as const

export function FindingItem({ finding }: { finding: Finding }) {
  const { severity, title, text, link, shardId, view } = finding
  return (
    <li class={`finding ${severity}`}>
      <strong>
        <span class="sr-only">{SEVERITIES[severity]}: </span>
        {withShardNames(title)}
      </strong>
      {text && <p>{withShardNames(text)}</p>}
      <p class="links">
        {shardId && <a href={`#/stream/${shardId}`}>Show {shardName(shardId)}</a>}
        {view && <a href={`#/${view.name}`}>{view.text}</a>}
        {link && (
          <a href={link.url} target="_blank" rel="noreferrer">
            {link.text} ↗
          </a>
        )}
      </p>
    </li>
  )
}

export interface TableColumn<T> {
  title: string
  /** Replaces the title in the head of the table. */
  heading?: ComponentChildren
  /** The width in the grid of the table, such as `1fr` or `120px`. */
  width: string
  cell(row: T): ComponentChildren
  /** Rows can be sorted by this. Undefined values come last. */
  sortBy?(row: T): number | string | undefined
  align?: 'right'
  /** Left out on a narrow screen. */
  isWide?: boolean
}

export interface TableSettings<T> {
  label: string
  rows: readonly T[]
  keyOf(row: T): string
  columns: ReadonlyArray<TableColumn<T>>
  /** Called when the end of the list is near. */
  onEnd?: () => void
  rowClass?(row: T): string
}

const ROW_HEIGHT = 36
const MAX_HEIGHT = 15 * ROW_HEIGHT
const OVERSCAN = 6

/** A table that renders only the rows in sight, so that thousands of rows cost as much as twenty. */
export function Table<T>({ label, rows, keyOf, columns, onEnd, rowClass }: TableSettings<T>) {
  const [top, setTop] = useState(0)
  const [sort, setSort] = useState<{ index: number; isDescending: boolean } | undefined>()
  const isNarrow = useNarrow()
  const shown = columns.filter(({ isWide }) => !(isWide && isNarrow))
  const sortBy = sort && columns[sort.index]?.sortBy
  const sorted = sortBy ? sortRows(rows, sortBy, sort.isDescending) : rows
  const first = Math.max(0, Math.floor(top / ROW_HEIGHT) - OVERSCAN)
  const last = Math.min(rows.length, Math.ceil((top + MAX_HEIGHT) / ROW_HEIGHT) + OVERSCAN)
  const style = { '--columns': shown.map(({ width }) => width).join(' ') }
  useEffect(() => {
    if (onEnd && last >= rows.length - 1) onEnd()
  }, [last, rows.length])
  return (
    <div
      class="table"
      role="table"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      style={style}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also by keyboard
      tabIndex={0}
      onScroll={event => setTop(event.currentTarget.scrollTop)}
    >
      <div class="table-head" role="row" aria-rowindex={1}>
        {shown.map(column => (
          <Heading key={column.title} {...{ column, columns, sort, setSort }} />
        ))}
      </div>
      <div role="rowgroup" class="table-rows" style={{ height: `${rows.length * ROW_HEIGHT}px` }}>
        {sorted.slice(first, last).map((row, offset) => (
          <div
            key={keyOf(row)}
            class={`table-row ${rowClass?.(row) ?? ''}`}
            role="row"
            aria-rowindex={first + offset + 2}
            style={{ top: `${(first + offset) * ROW_HEIGHT}px` }}
          >
            {shown.map(({ title, cell, align }) => (
              <div key={title} role="cell" class={align === 'right' ? 'right' : ''}>
                {cell(row)}
              </div>
            ))}
          </div>
        ))}
      </div>
    </div>
  )
}

interface HeadingSettings<T> {
  column: TableColumn<T>
  columns: ReadonlyArray<TableColumn<T>>
  sort: { index: number; isDescending: boolean } | undefined
  setSort(sort: { index: number; isDescending: boolean }): void
}

function Heading<T>({ column, columns, sort, setSort }: HeadingSettings<T>) {
  const index = columns.indexOf(column)
  const isSorted = sort?.index === index
  const direction = isSorted ? (sort.isDescending ? 'descending' : 'ascending') : 'none'
  return (
    <div role="columnheader" aria-sort={direction} class={column.align === 'right' ? 'right' : ''}>
      {column.heading ??
        (column.sortBy ? (
          <button type="button" onClick={() => setSort({ index, isDescending: isSorted ? !sort.isDescending : true })}>
            {column.title}
            <span aria-hidden="true">{isSorted ? (sort.isDescending ? ' ↓' : ' ↑') : ''}</span>
          </button>
        ) : (
          column.title
        ))}
    </div>
  )
}

function sortRows<T>(rows: readonly T[], by: NonNullable<TableColumn<T>['sortBy']>, isDescending: boolean): T[] {
  const sign = isDescending ? -1 : 1
  return rows.toSorted((a, b) => {
    const [one, other] = [by(a), by(b)]
    if (one === other) return 0
    if (one === undefined) return 1
    if (other === undefined) return -1
    return one < other ? -sign : sign
  })
}

function useNarrow(): boolean {
  const query = useRef(matchMedia('(max-width: 720px)'))
  const [isNarrow, setNarrow] = useState(query.current.matches)
  useEffect(() => {
    const onChange = () => setNarrow(query.current.matches)
    query.current.addEventListener('change', onChange)
    return () => query.current.removeEventListener('change', onChange)
  }, [])
  return isNarrow
}
