/** What was seen of something that is watched. */
export interface Sight<T> {
  /** Another one whenever `value` is another. */
  tag: string
  /** Nothing more is to be expected of it. */
  isFinal: boolean
  /** When it last changed, in epoch milliseconds, by the clock of whoever changed it. */
  changedAt: number
  value: T
}
