package interop;

public final class Main {
    private Main() {}

    public static void main(String[] args) {
        Worker.run((coordinator, leases) -> { });
    }
}
