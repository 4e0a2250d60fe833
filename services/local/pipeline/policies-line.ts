import { readPolicies } from '../../api/policies/read-policies.ts'

/**
 * Returns what `npm start` says about the rules of UPLOAD_POLICIES. Undefined if there are none. The api, which knows the limits of the
 * deployment, has checked them when it started.
 */
export function policiesLine(text: string | undefined): string | undefined {
  const rules = readPolicies(text, { maxBytes: Number.POSITIVE_INFINITY, filesPerForm: Number.POSITIVE_INFINITY })
  if (!rules) return undefined
  const names = rules.map(({ name }) => name).join(', ')
  return `the first of these rules that applies limits an upload: ${names}`
}
