import type { WorkerConfig } from '../../services/platform/config/worker.ts'
import type { Settings } from '../settings/schema.ts'

type NotificationVariables = Partial<Record<keyof WorkerConfig, string>>

/** Returns the variables of the processes that send notifications, which are empty without destinations. */
export function notificationsOf({ notifications, notificationsAllowAddresses }: Settings): NotificationVariables {
  if (notifications.length === 0) return {}
  return {
    NOTIFICATIONS: JSON.stringify(notifications),
    ...(notificationsAllowAddresses !== '' && { NOTIFICATIONS_ALLOW_ADDRESSES: notificationsAllowAddresses }),
  }
}
