import { compileCaseSensitiveWildcards, compileWildcards } from '../../platform/wildcards.ts'
import type { NotificationType } from '../../uploads/notifications/notification.ts'
import type { NotificationSubject } from './destination.ts'

/** Which notifications a destination gets. A missing condition accepts all, and a notification must meet the others. */
export interface Conditions {
  events?: readonly NotificationType[] | undefined
  /** Patterns of owners, with `*` and `?`. Upper and lower case differ, because owners do. */
  owners?: readonly string[] | undefined
  /** Patterns of media types without parameters, such as `image/*`. */
  types?: readonly string[] | undefined
  /** Patterns of names of transforms. An upload that failed before a transform was chosen matches none. */
  transforms?: readonly string[] | undefined
}

/** Compiles the conditions of a destination. */
export function createWants(conditions: Conditions): (subject: NotificationSubject) => boolean {
  const events = conditions.events && new Set(conditions.events)
  const matchesOwner = anyOf(conditions.owners?.map(compileCaseSensitiveWildcards))
  const matchesType = anyOf(conditions.types?.map(compileWildcards))
  const matchesTransform = anyOf(conditions.transforms?.map(compileWildcards))
  return ({ type, owner, mediaType, transform }) =>
    (events?.has(type) ?? true) && matchesOwner(owner) && matchesType(mediaType) && matchesTransform(transform)
}

type Matches<T> = (text: T) => boolean

function anyOf(patterns: ReadonlyArray<Matches<string>> | undefined): Matches<string | undefined> {
  if (patterns === undefined) return () => true
  return text => text !== undefined && patterns.some(matches => matches(text))
}
