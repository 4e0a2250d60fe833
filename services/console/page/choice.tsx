import type { Signal } from '@preact/signals'
import type { TableColumn } from './parts.tsx'

export interface ChoiceSettings<T> {
  /** The keys of the chosen rows. */
  chosen: Signal<ReadonlySet<string>>
  rows: readonly T[]
  keyOf(row: T): string
  /** Names a row, for a screen reader. */
  nameOf(row: T): string
  /** False for a row that cannot be chosen. */
  canChoose?(row: T): boolean
}

/** Returns a column with a checkbox in each row, and one in the head for all rows. */
export function choiceColumn<T>({
  chosen,
  rows,
  keyOf,
  nameOf,
  canChoose = () => true,
}: ChoiceSettings<T>): TableColumn<T> {
  const keys = rows.filter(canChoose).map(keyOf)
  const count = keys.filter(key => chosen.value.has(key)).length
  const change = (changed: readonly string[], isChosen: boolean) => {
    const next = new Set(chosen.value)
    for (const key of changed) {
      if (isChosen) next.add(key)
      else next.delete(key)
    }
    chosen.value = next
  }
  return {
    title: 'Choose',
    width: '1.4rem',
    heading: (
      <input
        type="checkbox"
        aria-label={`Choose all ${keys.length}`}
        checked={count > 0 && count === keys.length}
        ref={input => {
          if (input) input.indeterminate = count > 0 && count < keys.length
        }}
        disabled={keys.length === 0}
        onChange={event => change(keys, event.currentTarget.checked)}
      />
    ),
    cell: row =>
      canChoose(row) && (
        <input
          type="checkbox"
          aria-label={`Choose ${nameOf(row)}`}
          checked={chosen.value.has(keyOf(row))}
          onChange={event => change([keyOf(row)], event.currentTarget.checked)}
        />
      ),
  }
}

/** Returns the rows that are chosen, or all of them if none is. */
export function chosenOf<T>({ chosen, rows, keyOf }: Pick<ChoiceSettings<T>, 'chosen' | 'rows' | 'keyOf'>): {
  rows: readonly T[]
  isAll: boolean
} {
  const some = rows.filter(row => chosen.value.has(keyOf(row)))
  return some.length > 0 ? { rows: some, isAll: false } : { rows, isAll: true }
}
