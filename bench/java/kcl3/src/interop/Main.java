package interop;

import software.amazon.kinesis.coordinator.CoordinatorConfig.ClientVersionConfig;

public final class Main {
    private Main() {}

    /**
     * Runs a worker of KCL 3 in its own mode, or in the mode in which it shares a lease table with workers of 2.x. AWS
     * describes that mode as the first step of a migration.
     */
    public static void main(String[] args) {
        boolean isCompatible = "compatible".equals(System.getenv("INTEROP_MODE"));
        Worker.run(coordinator -> coordinator.clientVersionConfig(isCompatible
                ? ClientVersionConfig.CLIENT_VERSION_CONFIG_COMPATIBLE_WITH_2X
                : ClientVersionConfig.CLIENT_VERSION_CONFIG_3X));
    }
}
