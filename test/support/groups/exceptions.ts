/** Files that run in a process of their own, at the end. `.taprc` runs them while nothing else runs. */
export const ALONE: readonly string[] = [
  'test/worker/hostile-images.test.ts',
  'test/worker/transforms/processes.test.ts',
]

/** Files that take longer than a whole group of others. They start first, so that no long file is left over at the end. */
export const LONG: readonly string[] = [
  'test/api/attacks/{cut-off,memory}.test.ts',
  'test/api/{deadlines,delete-races}.test.ts',
  'test/api/faults/*.test.ts',
  'test/api/tus/{faults,tus-js-client,two-processes}.test.ts',
  'test/bench/{client,start}.test.ts',
  'test/chaos/chaos.test.ts',
  'test/cli/doctor/deep.test.ts',
  'test/consumer/leases/lease-churn.test.ts',
  'test/field/field.test.ts',
  'test/interop/*.test.ts',
  'test/local/{embedded-aws,start,start-failures,start-stop,watch}.test.ts',
  'test/package.test.ts',
  'test/package/{api-reference,packages}.test.ts',
  'test/simulation/{mutations,simulation}.test.ts',
  'test/soak/soak.test.ts',
  'test/worker/attempts/poison.test.ts',
  'test/worker/silent-services.test.ts',
  'test/worker/transforms/{csv-work,image-cost,recipe,svg}.test.ts',
]
